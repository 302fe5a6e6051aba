"""A phone texts STATUS; a workflow looks the order up, answers, and tells the team when that fails. Then it is run again."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import trunkline

NUMBER, PHONE = "+14255550100", "+14255550123"
DEFINITION = Path(__file__).parent.parent / "workflows" / "order-status.json"


class Orders(BaseHTTPRequestHandler):
    """The service that knows the orders, when it is not down."""

    down = False

    def do_GET(self) -> None:
        self.send_response(503 if Orders.down else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"id": 4711, "status": "on its way"}')

    def log_message(self, *_: object) -> None:
        pass


def last_run(rt: trunkline.Runtime) -> trunkline.workflows.WorkflowRunDetails:
    rt.settle()
    rt.clock.advance(60)  # retries wait; this clock only moves when it is told to
    return rt.workflows.show("order-status", next(rt.workflows.all_runs("order-status")).name)


def print_run(title: str, details: trunkline.workflows.WorkflowRunDetails) -> None:
    print(f"{title}: {details.run.status.name.lower()}")
    for step in details.steps:
        print(f"  {step.status.name.lower():9} {step.name} {step.code or ''}")
        for retry in step.retries:
            print(f"            tried before: {retry.code}")


def main() -> None:
    server = HTTPServer(("127.0.0.1", 0), Orders)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with trunkline.Runtime(clock="virtual") as rt:
        url = f"http://127.0.0.1:{server.server_port}"
        rt.workflows.deploy_file(DEFINITION, parameters={"ordersUrl": url})
        rt.settle()

        rt.sandbox.send_from_phone(PHONE, NUMBER, "Status")
        print_run("answered", last_run(rt))

        Orders.down = True
        rt.sandbox.send_from_phone(PHONE, NUMBER, "STATUS")
        failed = last_run(rt)
        print_run("down", failed)

        Orders.down = False
        rt.workflows.rerun("order-status", failed.run.name, "Look_up_the_order")
        print_run("again", last_run(rt))

        for message in rt.sandbox.messages(PHONE):
            print("phone sent:" if message.outbound else "phone got: ", message.text)
    server.shutdown()


main()
