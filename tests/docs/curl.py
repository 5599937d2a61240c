"""The options of curl that the pages use, for machines without it.

The external tests run the same pages with curl itself.
"""

import argparse
import sys
from http.client import HTTPConnection
from urllib.parse import urlsplit


def main() -> None:
    """Send one request, and print the answer as curl does."""
    parser = argparse.ArgumentParser(prog="curl")
    parser.add_argument("url")
    parser.add_argument("-s", dest="silent", action="store_true", required=True)
    parser.add_argument("-i", dest="headers_too", action="store_true")
    parser.add_argument("-I", dest="head", action="store_true")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data")
    parser.add_argument("-o", dest="output", choices=["/dev/null"])
    parser.add_argument("-w", dest="format", default="")
    options = parser.parse_args()
    url = urlsplit(options.url)
    method = options.method or ("HEAD" if options.head else "POST" if options.data else "GET")
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    connection = HTTPConnection(url.netloc, timeout=30)
    headers = dict(header.split(": ", 1) for header in options.headers)
    if options.data and "content-type" not in {name.lower() for name in headers}:
        headers["content-type"] = "application/x-www-form-urlencoded"
    connection.request(method, target, options.data, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    if options.headers_too or options.head:
        fields = "".join(f"{name}: {value}\r\n" for name, value in answer.getheaders())
        text = f"HTTP/1.1 {answer.status} {answer.reason}\r\n{fields}\r\n{text}"
    ending = options.format.replace("%{http_code}", str(answer.status)).replace("\\n", "\n")
    sys.stdout.write(("" if options.output else text) + ending)


if __name__ == "__main__":
    main()
