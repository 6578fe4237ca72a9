"""Turn the archive into shards."""

from facepipe.stage import run


def main(params):
    from facepipe.data.preprocess import preprocess

    return {"data": preprocess(params.preprocess, raw="data/raw", out="data/shards")}


if __name__ == "__main__":
    run(main, "preprocess")
