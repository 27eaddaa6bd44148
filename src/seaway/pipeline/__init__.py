"""The story: one function a verb, from a compose file to a watched release; a module a stretch, read in this order.

    look.py      check: what stands between this file and a target
    make.py      lock, build, up: images and a bundle by digest, running here
    render.py    render: the same bundle as files for a cluster
    verify.py    test, scan, approve, waive, policy, consent: what gates ask for
    deliver.py   promote, plan, release, steer, rollback: granted, live, watched
    publish.py   push, publish: into the registry, with the proof attached
    ship.py      ship: all of it, as far as the gates let it
    ask.py       why: what stands behind what runs
    choice.py, meant.py   what a person chose, and which bundle that means

Each reads as the steps it takes; what a step does is in `stages` and the rooms below. Nothing here prints: what is
worth saying while it lasts goes to `say(what, detail)`, what came of it is the value returned or the error raised.
A command imports the stretch it needs, so `check` starts without what a release needs.
"""
