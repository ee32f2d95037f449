"""Prompts of different token counts, and which token of one reads which of the other.

The expectations are made by hand, token by token, in CLIP's real vocabulary: two prompts, then for
each token of the second what it reads of the first. `speeches=gun+shots` reads both;
`gun=speeches/2` reads half of one; `loud=` reads nothing and keeps its own. Where a token stands
several times, `a#2` is its second.
"""

SWAPS = [
    # The paper's own, Figure 9: two tokens become one, and all behind them move.
    (
        "a man talking with gunshots nearby",
        "a man talking with speeches nearby",
        "a=a man=man talking=talking with=with speeches=gun+shots nearby=nearby",
    ),
    (
        "speeches in a huge hall",
        "gunshots in a huge hall",
        "gun=speeches/2 shots=speeches/2 in=in a=a huge=huge hall=hall",
    ),
    (
        "gunshots in a huge hall",
        "speeches in a small hall",
        "speeches=gun+shots in=in a=a small=huge hall=hall",
    ),
    (
        "a dog barking in a hallway",
        "a cat meowing in a hallway",
        "a=a cat=dog me=barking/2 owing=barking/2 in=in a#2=a#2 hallway=hallway",
    ),
    (
        "a cat meowing in a hallway",
        "a dog barking in a hallway",
        "a=a dog=cat barking=me+owing in=in a#2=a#2 hallway=hallway",
    ),
    (
        "crickets chirping at night",
        "frogs croaking at night",
        "frogs=cric+kets cro=chir aking=ping at=at night=night",
    ),
    (
        "a harmonica and bagpipes",
        "a saxophone and banjo",
        "a=a saxophone=harmon+ica and=and banjo=bag+pipes",
    ),
    (
        "a xylophone playing softly",
        "a piano playing softly",
        "a=a piano=xy+lo+phone playing=playing softly=softly",
    ),
    (
        "a piano playing softly",
        "a xylophone playing loudly",
        "a=a xy=piano/3 lo=piano/3 phone=piano/3 playing=playing loudly=softly",
    ),
    # Three tokens and two: each of the three gives to each of the two.
    (
        "a marimba in the rain",
        "a sitar in the wind",
        "a=a sit=mar/2+im/2+ba/2 ar=mar/2+im/2+ba/2 in=in the=the wind=rain",
    ),
    (
        "a sitar in the rain",
        "a marimba in the rain",
        "a=a mar=sit/3+ar/3 im=sit/3+ar/3 ba=sit/3+ar/3 in=in the=the rain=rain",
    ),
    (
        "hens clucking while rain falls",
        "seagulls screaming while rain falls",
        "seagulls=hens screaming=clu+cking while=while rain=rain falls=falls",
    ),
    (
        "a jackhammer then applause",
        "a dog then applause",
        "a=a dog=jack+hammer then=then applause=applause",
    ),
    # The comma belongs to its word.
    (
        "a woodpecker, then a dog",
        "a vuvuzela, then a dog",
        "a=a vu=woodpecker/5+,/5 vu#2=woodpecker/5+,/5 z=woodpecker/5+,/5 ela=woodpecker/5+,/5 "
        ",=woodpecker/5+,/5 then=then a#2=a#2 dog=dog",
    ),
    ("dogs", "didgeridoo", "did=dogs/4 ger=dogs/4 ido=dogs/4 o=dogs/4"),
    ("a glockenspiel", "a bell", "a=a bell=glo+cken+spiel"),
    ("a man whistling", "a woman singing", "a=a woman=man singing=whist+ling"),
    # The first difference makes room, the second takes it again: the words between are shifted.
    (
        "a tambourine near a waterfall here",
        "a drum near a steelpan here",
        "a=a drum=tam+bour+ine near=near a#2=a#2 steel=waterfall/2 pan=waterfall/2 here=here",
    ),
    # Other numbers of words, too.
    (
        "a dog barking outside",
        "a machine gun barking outside",
        "a=a machine=dog/2 gun=dog/2 barking=barking outside=outside",
    ),
    (
        "a machine gun firing in the distance",
        "a dog barking far away in the distance",
        "a=a dog=machine/4+gun/4+firing/4 barking=machine/4+gun/4+firing/4 "
        "far=machine/4+gun/4+firing/4 away=machine/4+gun/4+firing/4 "
        "in=in the=the distance=distance",
    ),
]
"""Word swaps: twenty."""

BALANCED_SWAPS = [
    (
        "a huge explosion in a hall",
        "a small explosion in a hall",
        "a=a small=huge explosion=explosion in=in a#2=a#2 hall=hall",
    ),
    # What the first word gives, the last takes.
    (
        "a jackhammer then fireworks",
        "a dog then whistling",
        "a=a dog=jack+hammer then=then whist=fireworks/2 ling=fireworks/2",
    ),
    (
        "a marimba and a sitar",
        "a sitar and a marimba",
        "a=a sit=mar/2+im/2+ba/2 ar=mar/2+im/2+ba/2 and=and a#2=a#2 "
        "mar=sit/3+ar/3 im=sit/3+ar/3 ba=sit/3+ar/3",
    ),
]
"""Swaps of as many tokens in all, the paper's other one first."""

REFINEMENTS = [
    ("a dog barking", "a loud dog barking", "a=a loud= dog=dog barking=barking"),
    (
        "gunshots in a hall",
        "distant gunshots in a huge empty hall",
        "distant= gun=gun shots=shots in=in a=a huge= empty= hall=hall",
    ),
    (
        "a dog barking",
        "a dog barking and crickets chirping",
        "a=a dog=dog barking=barking and= cric= kets= chir= ping=",
    ),
    (
        "a man whistling",
        "a cathedral with a man whistling and snoring",
        "a= cathedral= with= a#2=a man=man whist=whist ling=ling and= snoring=",
    ),
    # Less is more, too; what is left keeps its maps.
    ("a loud dog barking outside", "a dog barking", "a=a dog=dog barking=barking"),
    ("barking dogs", "barking dogs, howling", "barking=barking dogs=dogs ,= howling="),
]
"""Prompts with words added."""
