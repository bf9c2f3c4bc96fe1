"""The rules of release, a file to each group of related ones; found by walking this folder."""
