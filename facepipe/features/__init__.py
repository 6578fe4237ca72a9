"""What a judge sees in a face: features of pictures, and the distance of two sets of them."""
