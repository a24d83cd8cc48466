"""Aligning a causal language model across languages: batches, objectives and one step of training.

    batches.py     token lists to padded, packed or bucketed tensors; no sample sees another
    model.py       hidden states of layer l, of which only layers 1..l are computed
    pooling.py     token states to one vector a sentence
    objectives.py  the losses, as functions of tensors
    step.py        one step: both forward passes, the weighted sum, the update
    corpora/       translation pairs and instructions from files, checked, as seeded streams

Every module but this one and `corpora` imports torch: import them where they are needed.
"""
