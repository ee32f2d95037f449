"""Published files from where they are published into the layout that a preparer reads.

Nothing here is needed to prepare what is there already. The downloading is done by maintained
packages that the user installs; `find_fetcher` knows which is for which data set.
"""

from auffusion.data.fetching.request import Fetched as Fetched
from auffusion.data.fetching.request import Fetcher as Fetcher
from auffusion.data.fetching.request import Request as Request
from auffusion.data.fetching.table import FETCHERS as FETCHERS
from auffusion.data.fetching.table import find_fetcher as find_fetcher
