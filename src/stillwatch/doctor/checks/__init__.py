"""One file for each thing that a doctor looks at; found by walking this folder."""
