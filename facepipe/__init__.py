"""facepipe: face generation and editing as reproducible DVC stages."""
