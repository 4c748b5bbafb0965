"""SliceFeatures: adds to the test Examples what the evaluation slices by."""
