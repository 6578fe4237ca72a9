"""The stage export_latents: latents as tables, their statistics, principal components and paths between them."""
