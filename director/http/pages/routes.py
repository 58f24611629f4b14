"""All routes of the pages."""

from fastapi import APIRouter

from director.http.pages.chat_page import chat_page
from director.http.pages.event_pages import event_pages
from director.http.pages.house_pages import house_pages, money_pages
from director.http.pages.inbox_page import inbox_page
from director.http.pages.intervention_pages import intervention_pages
from director.http.pages.live import live_stream
from director.http.pages.overview_page import overview_page
from director.http.pages.page_maker import PageMaker
from director.http.pages.rendering import assets
from director.http.pages.run_page import run_page
from director.http.pages.sign_in_pages import sign_in_pages
from director.http.pages.staff_pages import staff_pages
from director.http.pages.stop_pages import stop_pages
from director.http.sign_in import Doorkeeper
from director.http.stream import Pulse


def pages(keeper: Doorkeeper, pulse: Pulse) -> tuple[APIRouter, ...]:
    """Return the routes of the pages. A new screen adds its routes here, and its line in `screens.SCREENS`."""
    maker = PageMaker(keeper)
    return (
        assets(),
        sign_in_pages(keeper),
        live_stream(maker, pulse),
        overview_page(maker),
        inbox_page(maker),
        chat_page(maker),
        run_page(maker),
        *(staff_pages(maker), intervention_pages(maker), event_pages(maker)),
        *(house_pages(maker), money_pages(maker)),
        stop_pages(maker),
    )
