"""What is shown of a name or a number before anybody has said why she asks."""

from __future__ import annotations

import pytest

import data.samples.persons
import gis.masking


@pytest.mark.parametrize(
    ("full", "masked"), [("张三", "张**"), ("欧阳修远", "欧**"), (" 李四 ", "李**"), ("Mary Smith", "M**"), ("", "**")]
)
def test_of_a_name_the_first_character_is_shown_and_not_how_long_it_is(full, masked):
    assert gis.masking.name(full) == masked


@pytest.mark.parametrize(
    ("full", "masked"),
    [
        ("13812341234", "138****1234"),
        ("138 1234-1234", "138****1234"),
        ("+86 138 1234 1234", "138****1234"),
        ("020-81234567", "*********67"),
        ("81234567", "******67"),
        ("110", "***"),
        ("", ""),
    ],
)
def test_of_a_mobile_number_seven_digits_are_shown_and_of_any_other_two(full, masked):
    assert gis.masking.phone(full) == masked


@pytest.mark.parametrize(("full", "masked"), [("44010319500101123X", "*" * 16 + "3X"), ("1234", "****"), ("", "")])
def test_of_an_identity_card_neither_place_nor_birthday_is_shown(full, masked):
    assert gis.masking.id_card(full) == masked


def test_the_persons_of_the_sample_are_the_same_each_time_and_called_samples():
    made = data.samples.persons.build([3, 5, 8], seed=1)
    assert made.equals(data.samples.persons.build([3, 5, 8], seed=1))
    assert made["household_id"].tolist() == [3, 5, 8]
    assert made["name"].str.endswith("样本").all()
    assert made["phone"].str.startswith("1000000").all()
