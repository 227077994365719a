// The parts of the page, one function each; every one returns balanced HTML. Put together by report.cpp.
#pragma once

#include <string>
#include <string_view>

#include "bench/report/report.hpp"

namespace braggbench::report {

std::string_view style_sheet();  // report.css, embedded by report_css.cmake

std::string verdict(const ReportInput& input);
std::string corpus_section(const ReportInput& input);
std::string training_section(const ReportInput& input);
std::string evaluation_section(const ReportInput& input);
std::string explanation_section(const ReportInput& input);
std::string provenance_section(const ReportInput& input);

// Everything up to <body>: style sheet, and a policy that lets the page fetch nothing.
std::string page_head(const std::string& title);

// What stands where a result is missing: that it is, and the command that makes it.
std::string absent(std::string_view what, std::string_view command);

}  // namespace braggbench::report
