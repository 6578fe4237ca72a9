# the settings of params.yaml at which CI builds the pipeline

s/^    count: .*/    count: 1500/
s/^    size: .*/    size: 32/
s/^  image_size: .*/  image_size: [32, 32]/
s/^  epochs: 1[36].*/  epochs: 4/
s/^  images: 60000.*/  images: 6000/
s/^  images: 14400.*/  images: 3000/
s/^  samples: .*/  samples: 200/
s/^  kid_subset_size: .*/  kid_subset_size: 50/
