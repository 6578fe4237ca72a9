"""How many steps a photograph gets where nobody says."""

# of descent on the latents that a GAN's inverter finds, see `inversion.optimize`; other models' encoders suffice
REFINING = 20
# of the training of a decoder, see `tuning.tune`
TUNING = 100
