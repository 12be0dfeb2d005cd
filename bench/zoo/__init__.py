"""How the networks in models/zoo/networks were judged and put there: scripts, not commands."""
