"""Extract a typed record with the small model in the package.

python examples/person.py
"""

from dataclasses import dataclass
from typing import Literal

import structgen as sg


@dataclass
class Person:
    """What is to be extracted."""

    name: str
    age: int
    job: Literal["nurse", "painter", "dentist"]
    city: str


model = sg.load("tiny")
prompt = "Task: Read it.\nInput: 43-year-old Victor has a flat in Zeandmouth and has a job as a nurse.\nOutput: "
result = model.generate(prompt, Person, max_tokens=100, temperature=0.0)
print(result.value)
print(f"log-probability {result.logprob:.2f}, mass removed by the grammar {result.mass_removed:.3f}")
