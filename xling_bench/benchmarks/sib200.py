"""SIB-200: which of seven topics a sentence is about."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path

from xling_bench.benchmarks.implementation import Dropped, Implementation, Item, Read, Records, texts_of
from xling_bench.benchmarks.textfiles import index_of, locate, read_table, unquoted
from xling_bench.catalog.benchmark import Benchmark, get_benchmark
from xling_bench.core import languages
from xling_bench.core.errors import DataError
from xling_bench.core.row import Record, index_in


def read(benchmark: Benchmark, root: Path, unit: str, split: str) -> Read:
    """The repository's `data/annotated/<lang_Script>/<split>.tsv`, texts with a quotation mark in quotes.

    The id is the sentence's number, which all languages share: FLORES' line of dev, and from 997 on of devtest.
    """
    name = f"annotated/{languages.get(unit).flores}/{split}.tsv"
    path = locate(root, [f"{folder}{name}" for folder in ("sib200/", "sib-200/data/", "data/", "")])
    rows = []
    for number, cells in read_table(path, ("index_id", "category", "text")):
        where = f"{path}, line {number}"
        if not cells["index_id"].isdecimal():
            raise DataError(f"{where}: index_id should be a number, got {cells['index_id']!r}")
        label = index_of(cells["category"], benchmark.labels, where)
        rows.append(_row(int(cells["index_id"]), unquoted(cells["text"]), label))
    return rows, str(path.relative_to(root)), {}


def from_hub(benchmark: Benchmark, unit: str, split: str, records: Records) -> tuple[Sequence[Record], Dropped]:
    """`Davlan/sib200` has the official files' columns."""
    return [
        _row(index_in(record, "index_id"), record["text"], benchmark.labels.index(record["category"]))
        for record in records(unit)
    ], {}


def _row(index: int, text: object, label: int) -> Record:
    return {"id": f"sib200-{index:04d}", "text": text, "article": bisect_right(_articles(), index), "label": label}


@cache
def _articles() -> tuple[int, ...]:
    """Where FLORES' articles end, dev's and then devtest's: sentences of one are mostly about the same topic."""
    sizes = get_benchmark("flores").cluster_sizes
    return tuple(accumulate((*sizes["dev"], *sizes["test"])))


def _item(number: int, split: str, topic: str, texts: dict[str, str]) -> Item:
    text = {language: {"text": sentence} for language, sentence in texts.items()}
    return Item(f"sample-sib200-{number:02d}", split, text, {"label": topic, "article": number})


SAMPLE = (
    _item(1, "test", "science/technology", {
        "en": "The new telescope of Sampleton sees stars that no one has seen before.",
        "de": "Das neue Teleskop von Sampleton sieht Sterne, die noch niemand gesehen hat.",
        "es": "El nuevo telescopio de Sampleton ve estrellas que nadie había visto antes.",
        "fr": "Le nouveau télescope de Sampleton voit des étoiles que personne n'avait encore vues.",
        "it": "Il nuovo telescopio di Sampleton vede stelle che nessuno aveva mai visto.",
        "pt": "O novo telescópio de Sampleton vê estrelas que ninguém tinha visto antes.",
        "ru": "Новый телескоп Сэмплтона видит звёзды, которых никто раньше не видел.",
        "zh": "桑普顿的新望远镜能看到从来没有人见过的星星。",
    }),
    _item(2, "test", "travel", {
        "en": "Buy the ferry ticket a day early, since the morning boat is often full.",
        "de": "Kaufen Sie die Fahrkarte für die Fähre einen Tag vorher, denn das Boot am Morgen ist oft voll.",
        "es": "Compre el billete del transbordador un día antes, porque el barco de la mañana suele ir lleno.",
        "fr": "Achetez le billet du bac un jour à l'avance, car le bateau du matin est souvent plein.",
        "it": "Comprate il biglietto del traghetto un giorno prima, perché la barca del mattino è spesso piena.",
        "pt": "Compre o bilhete do barco um dia antes, porque o da manhã vai muitas vezes cheio.",
        "ru": "Покупайте билет на паром за день: утренний рейс часто бывает полон.",
        "zh": "请提前一天买渡船票，因为早上的船常常满员。",
    }),
    _item(3, "test", "politics", {
        "en": "The mayor lost the vote on the new bridge by a single voice.",
        "de": "Die Bürgermeisterin verlor die Abstimmung über die neue Brücke mit einer einzigen Stimme.",
        "es": "La alcaldesa perdió la votación sobre el nuevo puente por un solo voto.",
        "fr": "La maire a perdu le vote sur le nouveau pont d'une seule voix.",
        "it": "La sindaca ha perso la votazione sul nuovo ponte per un solo voto.",
        "pt": "A presidente da câmara perdeu a votação sobre a nova ponte por um só voto.",
        "ru": "Мэр проиграла голосование о новом мосте с разницей в один голос.",
        "zh": "市长在新桥的表决中以一票之差落败。",
    }),
    _item(4, "test", "sports", {
        "en": "Niko scored twice in the last minute, and the village won the match.",
        "de": "Niko traf in der letzten Minute zweimal, und das Dorf gewann das Spiel.",
        "es": "Niko marcó dos goles en el último minuto y el pueblo ganó el partido.",
        "fr": "Niko a marqué deux buts à la dernière minute et le village a gagné le match.",
        "it": "Niko ha segnato due gol nell'ultimo minuto e il villaggio ha vinto la partita.",
        "pt": "Niko marcou dois golos no último minuto e a aldeia ganhou o jogo.",
        "ru": "Нико забил два гола на последней минуте, и деревня выиграла матч.",
        "zh": "尼科在最后一分钟连进两球，村队赢了比赛。",
    }),
    _item(5, "test", "health", {
        "en": "The doctor says that the fever ends after three days of rest.",
        "de": "Der Arzt sagt, dass das Fieber nach drei Tagen Ruhe aufhört.",
        "es": "El médico dice que la fiebre termina después de tres días de descanso.",
        "fr": "Le médecin dit que la fièvre cesse après trois jours de repos.",
        "it": "Il medico dice che la febbre finisce dopo tre giorni di riposo.",
        "pt": "O médico diz que a febre acaba depois de três dias de repouso.",
        "ru": "Врач говорит, что жар проходит после трёх дней покоя.",
        "zh": "医生说休息三天以后就会退烧。",
    }),
    _item(6, "test", "entertainment", {
        "en": "The singer gave her last concert in the old theatre of the town.",
        "de": "Die Sängerin gab ihr letztes Konzert im alten Theater der Stadt.",
        "es": "La cantante dio su último concierto en el viejo teatro de la ciudad.",
        "fr": "La chanteuse a donné son dernier concert dans le vieux théâtre de la ville.",
        "it": "La cantante ha dato il suo ultimo concerto nel vecchio teatro della città.",
        "pt": "A cantora deu o seu último concerto no velho teatro da cidade.",
        "ru": "Певица дала последний концерт в старом городском театре.",
        "zh": "这位歌手在城里的老剧院举行了最后一场音乐会。",
    }),
    _item(7, "test", "geography", {
        "en": "Sampleton lies between two rivers, south of a range of low hills.",
        "de": "Sampleton liegt zwischen zwei Flüssen, südlich einer Kette niedriger Hügel.",
        "es": "Sampleton está entre dos ríos, al sur de una cadena de colinas bajas.",
        "fr": "Sampleton se trouve entre deux rivières, au sud d'une chaîne de collines basses.",
        "it": "Sampleton si trova tra due fiumi, a sud di una catena di basse colline.",
        "pt": "Sampleton fica entre dois rios, a sul de uma cadeia de colinas baixas.",
        "ru": "Сэмплтон лежит между двумя реками, к югу от цепи невысоких холмов.",
        "zh": "桑普顿位于两条河之间，在一片低矮山丘的南面。",
    }),
    _item(8, "test", "travel", {
        "en": "Guests of the small inn by the harbour get a map and two bicycles.",
        "de": "Gäste des kleinen Gasthofs am Hafen bekommen eine Karte und zwei Fahrräder.",
        "es": "Los huéspedes de la pequeña posada del puerto reciben un mapa y dos bicicletas.",
        "fr": "Les clients de la petite auberge du port reçoivent un plan et deux vélos.",
        "it": "Gli ospiti della piccola locanda del porto ricevono una mappa e due biciclette.",
        "pt": "Os hóspedes da pequena pousada do porto recebem um mapa e duas bicicletas.",
        "ru": "Гости маленькой гостиницы у порта получают карту и два велосипеда.",
        "zh": "港口边小旅馆的客人会得到一张地图和两辆自行车。",
    }),
    _item(9, "demo", "sports", {
        "en": "Tala ran around the lake faster than anyone in the race.",
        "de": "Tala lief schneller um den See als alle anderen im Rennen.",
        "es": "Tala dio la vuelta al lago más rápido que nadie en la carrera.",
        "fr": "Tala a fait le tour du lac plus vite que tous les autres coureurs.",
        "it": "Tala ha corso intorno al lago più veloce di tutti nella gara.",
        "pt": "Tala deu a volta ao lago mais depressa do que todos na corrida.",
        "ru": "Тала обежала озеро быстрее всех участников забега.",
        "zh": "塔拉在比赛中绕湖跑得比谁都快。",
    }),
    _item(10, "demo", "geography", {
        "en": "The island is small, flat and surrounded by warm water.",
        "de": "Die Insel ist klein, flach und von warmem Wasser umgeben.",
        "es": "La isla es pequeña, llana y está rodeada de agua cálida.",
        "fr": "L'île est petite, plate et entourée d'eau chaude.",
        "it": "L'isola è piccola, piatta e circondata da acqua calda.",
        "pt": "A ilha é pequena, plana e rodeada de água quente.",
        "ru": "Остров маленький, плоский и окружён тёплой водой.",
        "zh": "这座岛又小又平，四周是温暖的海水。",
    }),
    _item(11, "demo", "health", {
        "en": "Children who wash their hands catch fewer colds in winter.",
        "de": "Kinder, die sich die Hände waschen, haben im Winter seltener Erkältungen.",
        "es": "Los niños que se lavan las manos tienen menos resfriados en invierno.",
        "fr": "Les enfants qui se lavent les mains ont moins de rhumes en hiver.",
        "it": "I bambini che si lavano le mani prendono meno raffreddori d'inverno.",
        "pt": "As crianças que lavam as mãos têm menos constipações no inverno.",
        "ru": "Дети, которые моют руки, зимой реже простужаются.",
        "zh": "勤洗手的孩子冬天较少感冒。",
    }),
    _item(12, "demo", "politics", {
        "en": "The council will elect a new speaker before the summer.",
        "de": "Der Rat wird vor dem Sommer eine neue Vorsitzende wählen.",
        "es": "El consejo elegirá a una nueva presidenta antes del verano.",
        "fr": "Le conseil élira une nouvelle présidente avant l'été.",
        "it": "Il consiglio eleggerà una nuova presidente prima dell'estate.",
        "pt": "O conselho vai eleger uma nova presidente antes do verão.",
        "ru": "Совет выберет нового председателя до лета.",
        "zh": "议会将在夏天之前选出新的议长。",
    }),
    _item(13, "demo", "science/technology", {
        "en": "The tiny machine counts the bees that come back to the hive.",
        "de": "Die winzige Maschine zählt die Bienen, die in den Stock zurückkehren.",
        "es": "La diminuta máquina cuenta las abejas que vuelven a la colmena.",
        "fr": "La minuscule machine compte les abeilles qui reviennent à la ruche.",
        "it": "La minuscola macchina conta le api che tornano all'alveare.",
        "pt": "A pequena máquina conta as abelhas que voltam à colmeia.",
        "ru": "Крошечная машина считает пчёл, которые возвращаются в улей.",
        "zh": "这台小机器会数清回到蜂箱的蜜蜂。",
    }),
)  # fmt: skip
IMPLEMENTATION = Implementation(read=read, from_hub=from_hub, texts=texts_of("text"), sample=SAMPLE)
