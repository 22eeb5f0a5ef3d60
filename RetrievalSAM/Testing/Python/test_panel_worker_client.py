"""The child process: whatever it sends and however it ends, everybody who waits is told, and no process is left."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

import psutil
from panel_testing import HERE, wait_until
from RetrievalSAMModule.clients.worker_client import WorkerClient, WorkerFault, python_program

# Answers the first request in pieces of one byte, with a letter of two bytes among them.
IN_PIECES = """
import json, os, sys
os.write(1, b'{"event": "ready", "protocol": 1, "version": "0", "pid": 1}')
os.write(1, b'\\n')
number = json.loads(sys.stdin.readline())["id"]
events = [
    {"event": "progress", "id": number, "stage": "segmenting", "done": 1, "total": 2, "seconds_left": None},
    {"event": "result", "id": number, "result": {"name": "M\\u00fcller"}},
]
for byte in "\\n".join(json.dumps(event, ensure_ascii=False) for event in events).encode() + b"\\n":
    os.write(1, bytes([byte]))
sys.stdin.read()
"""
ALL_AT_ONCE = """
import json, os, sys
requests = [json.loads(sys.stdin.readline()) for _ in range(3)]
lines = [{"event": "ready", "protocol": 1, "version": "0", "pid": 1}]
lines += [{"event": "result", "id": one["id"], "result": {"of": one["do"]}} for one in requests]
os.write(1, "".join(json.dumps(line) + "\\n" for line in lines).encode())
sys.stdin.read()
"""


class ClientTest(unittest.TestCase):
    def setUp(self) -> None:
        self.told: list[Any] = []

    def client(self, *arguments: str, program: str | None = None) -> WorkerClient:
        client = WorkerClient(program or python_program(), ["-u", *arguments])
        self.addCleanup(client.stop)
        return client

    def scripted(self, script: dict[str, Any]) -> WorkerClient:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file, log = Path(folder.name) / "script.json", Path(folder.name) / "log.jsonl"
        file.write_text(json.dumps(script), encoding="utf-8")
        log.touch()
        return self.client(str(HERE / "scripted_worker.py"), str(file), str(log))

    def ask(self, client: WorkerClient, verb: str = "ping") -> Any:
        return client.request(
            verb,
            on_result=self.told.append,
            on_fault=self.told.append,
            on_progress=lambda *progress: self.told.append(progress),
            on_stopped=lambda: self.told.append("stopped"),
        )

    def wait_for_answers(self, count: int) -> None:
        wait_until(lambda: len(self.told) >= count, f"{count} answers")

    def test_messages_may_be_cut_anywhere(self) -> None:
        client = self.client("-c", IN_PIECES)
        self.ask(client)
        self.wait_for_answers(2)
        self.assertEqual(self.told, [("segmenting", 1, 2, None), {"name": "M\u00fcller"}])
        self.assertEqual(client.state, "ready")
        self.assertFalse(client.busy)

    def test_several_messages_may_come_at_once(self) -> None:
        client = self.client("-c", ALL_AT_ONCE)
        for verb in ("ping", "environment", "ping"):
            self.ask(client, verb)
        self.wait_for_answers(3)
        self.assertEqual([one["of"] for one in self.told], ["ping", "environment", "ping"])

    def test_a_worker_that_ends_before_it_is_ready_is_told_with_its_log(self) -> None:
        client = self.scripted({"before ready": 7})
        self.ask(client)
        self.wait_for_answers(1)
        fault = self.told[0]
        self.assertIsInstance(fault, WorkerFault)
        self.assertEqual((fault.code, client.state), ("crash", "crashed"))
        self.assertIn("the log of a worker that fails", fault.details)
        self.assertFalse(client.busy)

    def test_a_program_that_is_missing_is_told(self) -> None:
        client = self.client(program=str(HERE / "no such program"))
        self.ask(client)
        self.wait_for_answers(1)
        self.assertEqual(self.told[0].code, "start")
        self.assertIn("no such program", self.told[0].message)
        self.assertIn("Install Slicer or the extension again", self.told[0].message)
        self.assertEqual(client.process_id(), 0)

    def test_everybody_who_waits_is_told_of_a_crash_once(self) -> None:
        client = self.scripted({"ping": [{"exit": 1}]})
        crashes: list[WorkerFault] = []
        client.crashed.connect(crashes.append)
        for _number in range(3):
            self.ask(client)
        self.wait_for_answers(3)
        self.assertEqual([one.code for one in self.told], ["crash"] * 3)
        self.assertEqual(len(crashes), 1)

    def test_the_next_request_after_a_crash_starts_a_fresh_worker(self) -> None:
        client = self.scripted({"ping": [{"exit": 1}, {"result": {"alive": True}}]})
        self.ask(client)
        self.wait_for_answers(1)
        self.ask(client)
        self.wait_for_answers(2)
        self.assertEqual(self.told[1], {"alive": True})

    def test_no_process_is_left_after_the_end(self) -> None:
        for reply in ({"result": {}}, {"wait": True}, {"deaf": True}):
            client = self.scripted({"ping": [{"progress": 1, **reply}]})
            self.told.clear()
            self.ask(client)
            self.wait_for_answers(1)
            worker = psutil.Process(client.process_id())
            client.stop()
            self.assertFalse(worker.is_running(), reply)
            self.assertEqual((client.state, client.process_id()), ("stopped", 0))

    def test_a_request_that_is_cancelled_after_its_answer_is_left_alone(self) -> None:
        client = self.scripted({"ping": [{"result": {}}]})
        request = self.ask(client)
        self.wait_for_answers(1)
        client.cancel(request)
        self.ask(client)
        self.wait_for_answers(2)
        self.assertEqual(self.told, [{}, {}])
