"""Turn the archive into shards, and look at what is in them."""

from facepipe.stage import run


def main(params):
    from facepipe.preprocess.explore import explore
    from facepipe.preprocess.preprocess import preprocess

    metrics = preprocess(params.preprocess, raw="data/raw", out="data/shards")
    explore("data/shards", report="reports/preprocess")
    counts = {f"images_{split}": count for split, count in metrics.pop("images").items()}
    return {"data": counts | metrics}


if __name__ == "__main__":
    run(main, "preprocess")
