"""Stop words that XL-Sum's official ROUGE leaves as they are, where its stemmer would change them.

The Snowball project's lists (BSD-3-Clause), which NLTK's `stopwords` and PostgreSQL have from it; of them the words
longer than three characters that Snowball's stemmer changes, since others come out the same. Arabic has no list there.
"""

from __future__ import annotations

STOP_WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "en": """
            above because before being does doing during having hers once only ours ourselves theirs themselves very
            yours yourselves
        """,
        "es": """
            algunas algunos como contra cuando desde donde durante estaba estaban estabas estada estadas estado estados
            estamos estando estaremos estará estarán estarás estaré estaréis estaría estaríais estaríamos estarían
            estarías estemos estuve estuviera estuvierais estuvieran estuvieras estuvieron estuviese estuvieseis
            estuviesen estuvieses estuvimos estuviste estuvisteis estuviéramos estuviésemos estuvo está estábamos estáis
            están estás esté estéis estén estés fuera fueran fueras fuese fuesen fueses fuimos fuiste fuéramos fuésemos
            habida habidas habido habidos habiendo habremos habrá habrán habrás habré habréis habría habríais habríamos
            habrían habrías habéis había habíais habíamos habían habías hasta haya hayamos hayan hayas hayáis hemos hube
            hubiera hubierais hubieran hubieras hubieron hubiese hubieseis hubiesen hubieses hubimos hubiste hubisteis
            hubiéramos hubiésemos hubo mucho muchos mías míos nada nosotras nosotros nuestra nuestras nuestro nuestros
            para pero poco porque quien quienes seamos sentid sentida sentidas sentido sentidos seremos será serán serás
            seré seréis sería seríais seríamos serían serías seáis siente sintiendo sobre somos suya suyas suyo suyos
            también tanto tendremos tendrá tendrán tendrás tendré tendréis tendría tendríais tendríamos tendrían
            tendrías tened tenemos tenga tengamos tengan tengas tengo tengáis tenida tenidas tenido tenidos teniendo
            tenéis tenía teníais teníamos tenían tenías tiene tienen tienes todo todos tuve tuviera tuvierais tuvieran
            tuvieras tuvieron tuviese tuvieseis tuviesen tuvieses tuvimos tuviste tuvisteis tuviéramos tuviésemos tuvo
            tuya tuyas tuyo tuyos vosostras vosostros vuestra vuestras vuestro vuestros éramos
        """,
        "fr": """
            aies aura aurai auraient aurais aurait auras aurez auriez aurions aurons aviez avions avons ayante ayantes
            ayants ayons dans eues eusse eusses eussiez eussions eûmes eûtes fusse fusses fussiez fussions fûmes fûtes
            même notre sera serai seraient serais serait seras serez seriez serions serons sommes soyez soyons votre
            étante étantes étants étiez étions étée étées étés êtes
        """,
        "pt": """
            aquela aquelas aquele aqueles aquilo como dela delas dele deles depois estamos estava estavam esteja estejam
            estejamos esteve estive estivemos estiver estivera estiveram estiverem estivermos estivesse estivessem
            estivéramos estivéssemos estávamos estão fomos fora foram forem formos fosse fossem fôramos fôssemos haja
            hajam hajamos havemos houve houvemos houver houvera houveram houverei houverem houveremos houveria houveriam
            houvermos houverá houverão houveríamos houvesse houvessem houvéramos houvéssemos mesmo minha minhas muito
            nossa nossas nosso nossos numa para pela pelas pelo pelos quando seja sejam sejamos serei seremos seria
            seriam será serão seríamos somos temos tenha tenham tenhamos tenho terei teremos teria teriam terá terão
            teríamos teve tinha tinham tive tivemos tiver tivera tiveram tiverem tivermos tivesse tivessem tivéramos
            tivéssemos tínhamos você éramos
        """,
        "ru": """
            более больше будто была были было быть ведь впрочем всегда всего даже другой если есть зачем здесь иногда
            какая какой когда конечно куда лучше между меня много можно надо него нельзя нибудь никогда ничего опять
            после потом потому почти разве свою себе себя совсем такой тебя теперь тогда того тоже только хорошо хоть
            чего чтобы чуть этого этой этом
        """,
    }.items()
}
