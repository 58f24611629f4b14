"""The screens Staff and Employee."""

from decimal import Decimal

from fastapi import APIRouter, Request
from starlette.responses import Response

from director.http.pages.charts import columns, points, rate_over_time
from director.http.pages.page_maker import PageMaker
from director.http.pages.screens import EMPLOYEE, STAFF
from director.services.employee_record import EmployeeRecord, employee_record
from director.services.organisation_chart import chart

RESULTS = ("verified", "rejected", "failed", "declined")
"""The outcomes of attempts that have a result."""


def staff_pages(maker: PageMaker) -> APIRouter:
    """Return the organisation chart, and the page of each employee."""
    router = APIRouter(include_in_schema=False)

    @router.get(STAFF.path)
    async def staff(request: Request, dismissed: bool = False) -> Response:
        viewer, moment = await maker.viewer(request, STAFF), await maker.moment(request, STAFF)
        drawn = await chart(maker.store_of(moment), maker.settings, dismissed=dismissed)
        top = [post for post in drawn.posts if post.above is None]
        values = {"chart": drawn, "top": top, "posts": drawn.posts, "dismissed": dismissed}
        return await maker.show(request, STAFF, viewer, moment, values)

    @router.get(EMPLOYEE.path)
    async def employee(request: Request, employee: str) -> Response:
        viewer, moment = await maker.viewer(request, EMPLOYEE), await maker.moment(request, EMPLOYEE)
        record = await employee_record(maker.store_of(moment), maker.settings, employee)
        rates = rates_of(record)
        values = {
            "record": record,
            "title": record.person.name,
            "rates": rates,
            "line": points(rates, 100),
            "days": columns([(day.day, Decimal(day.usd)) for day in record.days]),
        }
        return await maker.show(request, EMPLOYEE, viewer, moment, values)

    return router


def rates_of(record: EmployeeRecord) -> list[int]:
    """Return the rate of verified attempts over time, in percent, the oldest first."""
    return rate_over_time(
        [attempt.outcome == "verified" for attempt in reversed(record.attempts) if attempt.outcome in RESULTS]
    )
