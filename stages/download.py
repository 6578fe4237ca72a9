"""Bring the archive and its label files into data/raw."""

from facepipe.stage import run


def main(params):
    from facepipe.download.fetch import fetch

    fetch(params.dataset, sources_yaml="data/sources.yaml", out="data/raw")


if __name__ == "__main__":
    run(main, "download", section="dataset")
