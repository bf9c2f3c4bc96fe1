"""Who is named: a dossier on an organisation from primary public records, each fact with its source and date."""
