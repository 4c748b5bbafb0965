"""SliceFeatures: adds the features to the test Examples by which the evaluation is sliced."""
