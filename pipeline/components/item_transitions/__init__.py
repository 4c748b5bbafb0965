"""ItemTransitions: counts who follows whom in the train split, the baseline of the evaluation."""
