"""The room below all: names, files, TOML, canonical JSON, parameters. It imports no other room."""
