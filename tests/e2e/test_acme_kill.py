"""Power cuts, kills and lost replies at every step of an order: in the end one certificate, one order."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from lib.acme import certs_json, renew, renew_in_background, renewed
from lib.edge import Edge
from lib.gate import Answer, Gate, Hold, Post, problem
from lib.net import await_true, connects
from lib.pebble import Pebble

STEPS_AT_LEAST = 6  # account, order, authorization, challenge, finalize, certificate
STEPS_AT_MOST = 30
CHALLENGE = "/chalZ/"  # Pebble's URLs of challenges


def impatient(answer: Answer | None) -> Answer | None:
    """Without the CA's Retry-After edge asks again sooner."""
    if answer:
        answer.fields = [f for f in answer.fields if f[0].lower() != "retry-after"]
    return answer


def start(edge: Edge, gate: Gate, hold: Hold) -> subprocess.Popen[str]:
    """`edge renew` in a data directory without a past, up to the held POST or its end."""
    shutil.rmtree(edge.data, ignore_errors=True)
    gate.paths.clear()
    gate.fault = lambda post: impatient(hold(post))
    process = renew_in_background(edge)
    await_true("the POST or the end", lambda: hold.held.is_set() or process.poll() is not None, 60)
    return process


def kill(process: subprocess.Popen[str], edge: Edge) -> None:
    process.kill()
    process.communicate(timeout=10)
    await_true("the HTTP port is free", lambda: not connects(edge.http))


@pytest.fixture
def edge_gate(make_pebble, make_gate, make_edge) -> tuple[Edge, Pebble, Gate]:
    pebble = make_pebble()
    gate = make_gate(pebble)
    edge = make_edge("photos.edge.test { respond 204 }", options=gate.directive(), start=False)
    pebble.start(edge.http)
    return edge, pebble, gate


@pytest.mark.parametrize("asked", [False, True], ids=["before the CA has it", "with its reply lost"])
def test_killed_at_every_post(edge_gate: tuple[Edge, Pebble, Gate], asked: bool) -> None:
    """
    kill -9 while POST n is under way. What the CA has of it or not, the next run goes on from there. Not in the middle of a validation:
    without a daemon the answers end with the run, and a challenge that failed is the CA's last word on an order.
    """
    edge, pebble, gate = edge_gate
    for step in range(1, STEPS_AT_MOST):
        orders, issued = pebble.orders, len(pebble.issued)

        def settled(post: Post, before: int = orders) -> None:
            # One name, and one challenge for each order.
            if any(CHALLENGE in path for path in gate.paths[: post.number if asked else post.number - 1]):
                pebble.await_validated(before + 1)

        hold = Hold(step, asked=asked, settled=settled)
        process = start(edge, gate, hold)
        if not hold.held.is_set():
            assert process.returncode == 0, process.communicate()
            break
        kill(process, edge)
        hold.end()
        gate.fault = lambda post: impatient(post.ask())
        renewed(edge)
        told = f"killed at POST {step}, {hold.path}"
        assert len(pebble.issued) == issued + 1, told
        assert pebble.orders == orders + 1, told
        (line,) = certs_json(edge)
        assert line["serial"].lower().lstrip("0") == pebble.issued[-1], told
    assert "nothing is due" in renewed(edge)
    assert STEPS_AT_LEAST < step < STEPS_AT_MOST - 1


class Lose(Hold):
    """Only the reply is lost; the client lives on."""

    def __call__(self, post: Post) -> Answer | None:
        answer = post.ask()
        if post.number != self.number:
            return answer
        self.path = post.path
        self.held.set()
        return None


class Refuse(Hold):
    """The CA is busy, once."""

    def __call__(self, post: Post) -> Answer | None:
        if post.number != self.number:
            return post.ask()
        self.path = post.path
        self.held.set()
        return problem(503, "rateLimited", "Service busy; retry later.", ("Retry-After", "1"))


@pytest.mark.parametrize(("fault", "stride"), [(Lose, 1), (Refuse, 3)])
def test_a_reply_that_does_not_come(edge_gate: tuple[Edge, Pebble, Gate], fault: type[Hold], stride: int) -> None:
    """At the POSTs in turn. Whether edge tries again by itself or in its next run: one order, one certificate."""
    edge, pebble, gate = edge_gate
    for step in range(2, STEPS_AT_MOST, stride):
        orders, issued, hold = pebble.orders, len(pebble.issued), fault(step, asked=True)
        process = start(edge, gate, hold)
        out, errors = process.communicate(timeout=60)
        told = f"POST {step}, {hold.path}: exit {process.returncode}\n{out}{errors}"
        if process.returncode != 0:
            assert process.returncode == 1 and errors.strip(), told
            done = renew(edge, "--force")
            assert done.returncode == 0, f"{told}{done.stdout}{done.stderr}"
        assert pebble.orders == orders + 1, told
        assert len(pebble.issued) == issued + 1, told
        if not hold.held.is_set():
            break
    assert STEPS_AT_LEAST < step < STEPS_AT_MOST - stride
