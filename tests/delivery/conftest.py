import sys
from pathlib import Path

# The fakes are also imported by the programs that the tests start.
sys.path.insert(0, str(Path(__file__).parent))
