"""EvaluationFeatures: adds to the test Examples what the evaluation reads from them."""
