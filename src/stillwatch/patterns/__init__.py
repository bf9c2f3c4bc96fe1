"""Rule packs (YAML): what a prompt of each technique looks like, and who else writes so."""

from stillwatch.patterns.catalogue import catalogue
from stillwatch.patterns.packs_on_disk import FIRST_USER_CODE, load_rules, shipped_packs
from stillwatch.patterns.reading import Fault, Pack, read_pack

__all__ = ["FIRST_USER_CODE", "Fault", "Pack", "catalogue", "load_rules", "read_pack", "shipped_packs"]
