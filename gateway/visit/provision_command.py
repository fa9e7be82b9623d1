"""Knows `watertower provision NODE`: its options, what it asks and prints; knows not what a board is told."""

import argparse

from gateway.messages import say
from gateway.visit import cable, identity, material, progress, provisioning


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("node", metavar="NODE", help=say("help.visit_node"))
    cable.add_material(parser)
    cable.add(parser)


def run(args: argparse.Namespace) -> int:
    """0: the board is this node, read back. VisitFailed."""
    source = material.find(cable.wanted(args))
    wanted = source.node(args.node)
    print(say("provision.about", node=wanted.name, id=wanted.id, origin=source.origin))
    with cable.at_prompt(args) as prompt:
        found = provisioning.look(prompt)
        print(identity.text(found))
        provisioning.refuse(found, wanted)
        if provisioning.is_there(found, wanted):
            print(say("provision.already", node=wanted.name))
            prompt.restart()
            return 0
        if found.node is not None:
            if found.node != wanted.id and found.unsent != 0:
                print(say("provision.journal_goes"))
            cable.agree(args, say("provision.sure", old=found.name, node=wanted.name))
        with progress.shown() as shown:
            provisioning.provision(prompt, found, wanted, shown, say("provision.sending"))
        prompt.restart()
    print(say("provision.done", node=wanted.name, unique=found.unique))
    if found.node != wanted.id:
        print(say("provision.new_key", node=wanted.name))
    return 0
