"""The report: one self-contained HTML page from whichever artefacts a project holds."""
