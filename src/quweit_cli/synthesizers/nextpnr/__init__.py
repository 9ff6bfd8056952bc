"""nextpnr: blocks placed and routed on parts of Lattice."""
