"""COPAL-ID in Jakarta's colloquial Indonesian."""

from __future__ import annotations

from xling_bench.benchmarks.copal_id import TEXTS_TO_KEEP_OUT, from_hub, read, sample
from xling_bench.benchmarks.implementation import Implementation

IMPLEMENTATION = Implementation(
    read=read, from_hub=from_hub, texts=TEXTS_TO_KEEP_OUT,
    sample=sample(
        "copal_id_colloquial",
        ("Jalanan depan rumah kebanjiran.", "cause", "Semaleman hujan terus.", "Mataharinya terik banget."),
        ("Anaknya panas tinggi.", "effect", "Ibunya bawa dia ke puskesmas.", "Ibunya beliin dia es krim."),
        ("Lampu warungnya mati.", "cause", "Lagi mati listrik.", "Warungnya baru dicat."),
        ("Keretanya telat sejam.", "effect", "Penumpang pada nunggu di peron.", "Penumpang nyampenya lebih cepet."),
        ("Tanaman di halaman pada layu.", "cause", "Nggak ada yang nyiram.", "Halamannya dipagerin."),
        ("Rani lupa bawa payung.", "effect", "Bajunya basah keujanan.", "Bajunya baru disetrika."),
        ("Nasinya gosong.", "cause", "Kompornya lupa dimatiin.", "Piringnya udah dicuci."),
        ("Harga cabe naik dua kali lipat.", "effect", "Yang jual ngurangin sambel.", "Yang jual nambahin sambel."),
    ),
)  # fmt: skip
