"""Aligning a causal language model across languages: batches, objectives and one step of training.

    corpora/      translation pairs and instructions from files, checked, as seeded streams
    losses/       what can be minimised, a file each: what it needs, its settings, the loss
    objective.py  a method's losses, by the keys that they declare
    recipe.py     model x data x method, checked
    batches.py    token lists to padded, packed or bucketed tensors; no sample sees another
    model.py      hidden states of layer l, of which only layers 1..l are computed
    step.py       one step: the losses, their weighted sum, the update
    loop.py       the run: transformers' Trainer over the step
    saving.py     what a run writes and reads back
    planned.py    what is said of a run before it starts, what its folder keeps
    pace.py       how long a run is and how fast it learns

What comes before batches.py needs no torch when imported; the others do: import them where they are needed.
"""
