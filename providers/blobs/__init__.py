"""Where originals and artefacts are kept."""
