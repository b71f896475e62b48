"""A grammar inside transformers' own generate: batches, beams, several calls with one processor.

python examples/constrained_generate.py [folder or hub id]
"""

import sys

from transformers import AutoModelForCausalLM, AutoTokenizer

import structgen as sg
from structgen import tiny

name = sys.argv[1] if len(sys.argv) > 1 else str(tiny.path())
tokenizer = AutoTokenizer.from_pretrained(name, padding_side="left")
model = AutoModelForCausalLM.from_pretrained(name)
processor = sg.LogitsProcessor(sg.regex(r"([01]\d|2[0-3]):[0-5]\d"), tokenizer)

prompts = [
    "Task: write the time as HH:MM\nInput: half past three in the afternoon\nOutput: ",
    "Task: write the time as HH:MM\nInput: noon\nOutput: ",
]
for options in ({"do_sample": False}, {"num_beams": 3}):
    inputs = tokenizer(prompts, return_tensors="pt", padding=True, return_token_type_ids=False)
    output = model.generate(**inputs, logits_processor=[processor], max_new_tokens=12, **options)
    print(options, tokenizer.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
