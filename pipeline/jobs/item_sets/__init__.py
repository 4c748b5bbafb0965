"""The steps of `pipeline.item_sets`."""
