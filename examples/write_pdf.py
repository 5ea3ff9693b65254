#!/usr/bin/env python3
"""Writes ``tarnfell-handbook.pdf``; the same text always gives the same bytes."""

from pathlib import Path

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

TITLE = "Tarnfell Observatory: Handbook for Members"

#: Blocks apart by a blank line: ``#`` begins a heading, ``|`` each row of a table, ``---`` a page.
TEXT = """\
# Tarnfell Observatory: Handbook for Members

Tarnfell Observatory stands on the northern shoulder of Tarn Fell, 612 metres above the sea. It
belongs to its members, who run it as a cooperative: every member has one vote, whatever they paid
in. This handbook tells how the house works, who decides what, and what to do when something goes
wrong at three in the morning.

# How the observatory began

In the autumn of 1957 the schoolteacher Ilse Varga ground a mirror of 30 centimetres in the cellar
of the village school. Her pupils carried it up the fell in a wooden cradle filled with straw. The
first dome was the lid of a grain silo, which a farmer gave in exchange for two winters of
arithmetic lessons for his daughters.

The cooperative was founded on 4 March 1961 with nineteen members. It bought the ground for 800
crowns from the parish. The brass plate beside the door still lists the nineteen names; two of
them discovered the comet Varga-Lindqvist in 1968.

A fire destroyed the silo dome in 1983. It started in a paraffin heater, and it is the reason why
no open flame is allowed anywhere on the site. The present main dome was opened three years later.
It weighs eleven tonnes and turns on forty tram wheels.

---

# Telescopes

The observatory has four telescopes. The table gives what a member needs to know before booking
one. Apertures are in millimetres. A grade says which course a member must have passed before
using the telescope alone.

| Name | Kind | Aperture | Built | Grade
| Ilse | Newtonian reflector | 300 | 1957 | 1
| Great Lindqvist | Ritchey-Chretien reflector | 810 | 1986 | 3
| Heron | Apochromatic refractor | 152 | 2009 | 1
| Salt Dish | Radio dish, 21 cm line | 3700 | 1994 | 2

The Great Lindqvist is the main instrument. Its mirror was cast in Jena and is coated again every
sixth summer, most recently in 2022. It takes ninety minutes to cool down, so the dome slit is
opened before sunset.

The Heron is the telescope for visitors and for the Sun. Its solar filter lives in the red box on
the pier. Nobody looks through the Heron by day before a second person has checked the filter for
pinholes.

The Salt Dish got its name from the salt lorry whose axle it turns on. It hears the hydrogen of
the Milky Way even through clouds, and it is the only telescope that may be used in rain.

---

# Booking a night

Nights are booked in the blue ledger or by telephone with the warden. A booking opens twenty-eight
days ahead at noon. A member may hold at most three open bookings. A night that is not claimed by
21:00 goes to the first member who is on the fell.

The new-moon week of every month belongs to the survey group, which counts variable stars in the
constellation Lyra. Their programme has run without a missing season since 1974 and has priority
over all other bookings.

Beginners observe with a guide for their first five nights. The guide signs the pink card. With
five signatures and the course of grade 1 a member gets a key, which carries a deposit of 60
crowns.

# Fees

Membership costs 140 crowns a year, and 35 crowns for members under twenty-five. A night on the
Great Lindqvist costs 22 crowns for electricity; the other telescopes are free. Whoever brings a
school class pays nothing for that night.

---

# Weather and safety

The dome stays shut when the wind is over 54 kilometres an hour, when the humidity is over 88
percent, or when ash or pollen is seen on the anemometer cups. The weather mast reports every ten
seconds; its siren sounds twice before the slit closes by itself.

In a thunderstorm everybody leaves the domes and waits in the library, which is the only building
with a Faraday cage in its walls. The main switch in the corridor, painted yellow, cuts the power
of all domes but keeps the emergency lights on.

Nobody observes alone between November and March. The path down the fell freezes, and the nearest
road is two kilometres away at Gill Bridge. The rescue sledge hangs behind the kitchen door. The
number of the mountain rescue is written on the underside of every telephone.

White light is forbidden outside the library after dusk. Red lamps hang beside each door. Anyone
who spoils another observer's exposure with a torch washes up for the whole night.

---

# Care of the instruments

The warden greases the tram wheels of the main dome on the first Monday of every month with
graphite grease; oil is not used, because it freezes. The slit motor is a reused sewing-machine
motor and must rest for five minutes after each full opening.

Mirrors are never wiped. Dust is blown away with dry air, and a mirror that is truly dirty is
washed by two people of the mirror committee with distilled water and a little green soap. The
committee meets in the second week of May.

# Who decides

The general meeting takes place on the Saturday after the autumn equinox. It elects five wardens
for two years each and approves the budget. Spending over 2,500 crowns needs the consent of the
meeting; below that the wardens decide by majority.

A proposal to change this handbook must be pinned to the library door for thirty days. It passes
with two thirds of the votes. The last change, in 2023, allowed dogs on the terrace, but not in
the domes.
"""


def write(target: Path) -> None:
    """Write the handbook."""
    styles = getSampleStyleSheet()
    story: list[Flowable] = []
    for block in TEXT.split("\n\n"):
        if block == "---":
            story.append(PageBreak())
        elif block.startswith("|"):
            story.append(_table(block))
        else:
            style = styles["Heading1" if block.startswith("#") else "BodyText"]
            story.append(Paragraph(" ".join(block.removeprefix("# ").split()), style))
        story.append(Spacer(0, 3 * mm))
    margin = 25 * mm
    SimpleDocTemplate(
        str(target),
        pagesize=A4,
        title=TITLE,
        invariant=1,
        leftMargin=margin,
        rightMargin=margin,
        topMargin=margin,
        bottomMargin=margin,
    ).build(story)


def _table(block: str) -> Table:
    rows = [[cell.strip() for cell in line.split("|")[1:]] for line in block.splitlines()]
    ruled = ("INNERGRID", (0, 0), (-1, -1), 0.25, colors.grey)
    framed = ("BOX", (0, 0), (-1, -1), 0.5, colors.black)
    return Table(rows, style=[ruled, framed], hAlign="LEFT")


if __name__ == "__main__":
    write(Path(__file__).parent / "documents" / "tarnfell-handbook.pdf")
