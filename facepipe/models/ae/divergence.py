"""A sign that an autoencoder has lost its way: a learning rate too high for its images."""

# times the held-out squared error of the best epoch; overfitting and a KL that grows stay below
FAR = 3.0
# epochs in a row; after one alone, where the moving statistics lag behind the weights, most trainings recover
EPOCHS = 2


def is_far(row, best):
    """Whether an epoch's reconstructions are far worse than they were.

    The best epoch is that of the lowest held-out loss, at full beta: a VAE's squared error that rises while the KL is
    pressed down is no loss of the way. Nor is one that rises on held-out images alone: that is overfitting.

    Args:
        row: dict with mse, the epoch's mean over training images, and valid_mse, of the held-out ones after it.
        best: dict with valid_mse of the best epoch so far.

    Returns:
        bool.
    """
    return min(row["valid_mse"], row["mse"]) > FAR * best["valid_mse"]


def message(row, best, best_epoch, learning_rate):
    """What is said of it, a line; `learning_rate`: that of params.yaml."""
    return (
        f"lost its way? held-out mse {row['valid_mse']:.2g}, in epoch {best_epoch} it was {best['valid_mse']:.2g}; "
        f"a lower learning_rate helps (it is {learning_rate:g}, try {learning_rate / 4:g}), or a larger batch_size"
    )
