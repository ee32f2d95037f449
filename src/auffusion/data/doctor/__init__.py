"""The data set doctor: what is wrong with a set of sounds and captions, and what of it is good."""

from auffusion.data.doctor.checking import Progress as Progress
from auffusion.data.doctor.checking import check as check
from auffusion.data.doctor.checks import Checks as Checks
from auffusion.data.doctor.faults import Fault as Fault
from auffusion.data.doctor.faults import Finding as Finding
from auffusion.data.doctor.faults import Severity as Severity
from auffusion.data.doctor.report import MAX_BAD_FRACTION as MAX_BAD_FRACTION
from auffusion.data.doctor.report import Report as Report
from auffusion.data.doctor.report_table import report_table as report_table
from auffusion.data.doctor.writing import write_report as write_report
