"""`scale`: how a score grows with the number of translation pairs, and how to spend a budget of them.

    law.py         the law, its derivatives
    points.py      scores at known sizes, gamma of `represent`
    fit.py         least squares, intervals
    fitted.py      laws of languages, each by itself or shared; what is printed and kept
    columns.py     the CSV files that people write
    laws_file.py   laws and caps as files
    allocation.py  a budget over languages: exact water-filling, and the paper's way
    budgets.py     from these files to the one that `train` reads

Zhu et al. 2023, Extrapolating Large Language Models to Non-English by Aligning Languages, sections 3.2 and 3.3.
"""
