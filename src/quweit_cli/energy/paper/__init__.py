"""The tables of the paper, from published and from measured figures."""
