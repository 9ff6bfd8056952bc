// Waivers for `verilator --lint-only -Wall`. There are none: the package has no warning to waive.
`verilator_config
