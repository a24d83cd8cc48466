"""`represent`: states of the same sentences in several languages, and how near translations are.

    corpus.py         the sentences and their translations
    token_weights.py  the states of a sentence's tokens to one vector
    reader.py         a model's pooled states, all layers in one pass
    store.py          the folder that keeps them, part by part
    spaces.py         measures of two sets of vectors as wholes
    retrieval.py      measures by nearest neighbours
    probe.py          a classifier of languages
    words.py          words of a dictionary, and pairs of them
    transfer_items.py labelled items as texts
    transfer.py       a head of the pivot's states, tested in other languages
    interventions.py  changes that take the language out of states
    questions.py      words that a model is asked to translate
    vocabulary.py     the tokens that a word can begin with
    lens.py           what the output layer would say of each layer
    latent.py         how likely English is there
    measurer.py       all measures of a model's states, with intervals
    parallel_prompts.py instructions in several languages, and how they are asked
    answers.py        a model's answers to them, kept
    answer_similarity.py  how near the answers in two languages are
    tsne.py           points on the plane
    atlas.py          what is drawn of one layer: distances of languages, maps
    signing.py        hashes of what decides a number
    request.py        what is asked for
    alignment.py      from that to states, measures, alignment.json
    shown.py          the table that is printed
"""
