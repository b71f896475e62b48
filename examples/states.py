"""The six calls that everything stands on, with a toy vocabulary.

python examples/states.py
"""

import numpy as np

import structgen as sg

vocab = sg.Vocabulary.from_bytes([b"1", b"2", b"12", b":", b"0", b"00", b""], eos=6)
automaton = sg.compile(sg.regex("1?[0-2]:00"), vocab)

state = automaton.start()
print("tokens to the end:", automaton.distance(state))
tokens = [2, 3]
for token in tokens:
    allowed = np.flatnonzero(np.unpackbits(automaton.mask(state).view(np.uint8), bitorder="little"))
    print("may come:", [vocab.bytes_of(int(t)) for t in allowed])
    state = automaton.advance(state, token)
print("forced:", [vocab.bytes_of(t) for t in automaton.forced(state, behind=tokens)])
print("an illegal token leads to", automaton.advance(state, 0))
