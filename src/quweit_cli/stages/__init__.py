"""One module a stage; each reads artefacts from disk and writes one artefact to disk."""
