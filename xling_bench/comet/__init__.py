"""COMET by its own program, `unbabel-comet`, in an environment of its own: it needs other versions of our libraries.

    environment  where that environment is, how it is made, whether it is the one our lock describes
    checkpoint   a model folder, .ckpt file or hub name: found, and hashed
    worker       the script that the environment's Python runs; imports nothing of ours
    program      the worker as a process: segments in, scores out
    fast         the same computed in our own environment, where it is equal
    memory       scores that are known already, on disk as soon as they are made
    scoring      all of it: `Comet`, a given metric as `evaluation.rescore` takes it

Nothing else knows how it works; what it gives is `metrics/comet.py`'s.
"""
