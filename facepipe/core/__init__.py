"""What every room uses: randomness, files, the machine, pictures, sections of params.yaml."""
