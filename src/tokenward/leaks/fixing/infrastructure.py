"""Dockerfiles and Terraform, where a value comes from outside."""

import re

from tokenward.base.references import Reference
from tokenward.leaks.fixing.literals import around, literal
from tokenward.leaks.fixing.rewriting import Rewritten
from tokenward.leaks.fixing.spot import ByHand, Spot, ascii_only

_PAIR = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:=|\s+)(?P<quote>[\"']?)$")


def dockerfile(spot: Spot, kept: Reference, name: str) -> Rewritten:
    """A Dockerfile. What it sets is in the image, for everybody who has that."""
    begin, stop = spot.line
    before = spot.before
    if before.lstrip().startswith("#"):
        return Rewritten(spot.replaced(spot.start, spot.end, f"{kept.scheme}:{kept.place}"))
    pair = _PAIR.search(before)
    instruction = before.split(maxsplit=1)[0].upper() if before.split() else ""
    if instruction not in {"ENV", "ARG"} or pair is None or not spot.after.startswith(pair["quote"]):
        mount = f'RUN --mount=type=secret,id={name},env={name} … "${name}"'
        raise ByHand("The image would hold it, and each of its layers does for good.", mount)
    variable = pair["name"]
    rest = spot.text[spot.end + len(pair["quote"]) : stop]
    if rest and not rest[0].isspace():
        raise ByHand("It is only a part of the value.")
    others = before[: pair.start()].split()[1:] or rest.split()
    if others and not (instruction == "ENV" and "=" in before[pair.start() :]):
        raise ByHand("It does not stand on its line alone.")
    if instruction == "ENV":
        told, line = f"docker run --env {variable}", f"# {variable}: given by docker run --env {variable}"
    else:
        told = f"docker build --secret id={variable},env={variable}"
        line = f"# {variable}: RUN --mount=type=secret,id={variable},env={variable}"
    notes = (f"Give it where it is needed: {told}",)
    if others:
        kept_pairs = spot.text[begin : begin + pair.start()].rstrip() + spot.text[stop - len(rest) : stop]
        return Rewritten(
            spot.replaced(begin, stop, line + spot.ending)[: begin + len(line + spot.ending)]
            + kept_pairs
            + spot.text[stop:],
            variable,
            notes,
        )
    return Rewritten(spot.replaced(begin, stop, line), variable, notes)


def terraform(spot: Spot, kept: Reference, name: str) -> Rewritten:
    """Terraform: a sensitive variable, which is read from the environment, with TF_VAR_ before its name."""
    variable = name.lower()
    context = around(spot, quotes='"', comments=("#", "//"))
    if context.kind == "comment":
        return Rewritten(spot.replaced(spot.start, spot.end, f"{kept.scheme}:{kept.place}"))
    if spot.name.endswith(".tfvars"):
        entry = re.fullmatch(r'\s*([A-Za-z_][\w-]*)\s*=\s*"', spot.before)
        if entry is None or spot.after.rstrip() != '"':
            raise ByHand("It is only a part of the value: give the variable as TF_VAR_… instead.")
        text = spot.replaced(*spot.line, f"# {entry[1]}: given as TF_VAR_{entry[1]}")
        return Rewritten(text, f"TF_VAR_{entry[1]}")
    if re.match(r"\s*default\s*=", spot.before):
        raise ByHand(
            "It is the default of a variable: take that away, and give the variable as TF_VAR_….",
            "sensitive = true",
        )
    context = literal(spot, context, f"var.{variable}")
    if (context.open, context.close) == (spot.start, spot.end):
        text = spot.replaced(context.begin, context.end, f"var.{variable}")
    else:
        text = spot.replaced(spot.start, spot.end, f"${{var.{variable}}}")
    if not re.search(rf'(?m)^variable\s+"{variable}"', text):
        block = f'\nvariable "{variable}" {{\n  type      = string\n  sensitive = true\n}}\n'
        text = text.rstrip("\r\n") + spot.ending + ascii_only(block.replace("\n", spot.ending))
    note = "Terraform keeps values in its state: guard that like the secret itself."
    return Rewritten(text, f"TF_VAR_{variable}", (note,))
